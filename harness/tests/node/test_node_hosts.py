"""The names by which the pods of a node find one another."""

from ipaddress import IPv4Network

import pytest
from node_builders import pod

from kubeloop.resource import ObjectKey
from kyma_harness.node.addresses import Loopback
from kyma_harness.node.network.hosts import HostsFiles, Name, names_of, own_lines

LOOPBACK = Loopback(shown=IPv4Network("10.244.0.0/16"), pods=IPv4Network("127.64.0.0/16"))
KEY = ObjectKey("shop", "web")


def service(**spec):
    return {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


def endpoint(address, **fields):
    return {"addresses": [address], **fields}


def lines(path):
    return path.read_text().splitlines()


@pytest.mark.parametrize(
    ("of", "endpoints", "expected"),
    [
        (service(clusterIP="127.65.1.2"), [endpoint("10.244.0.7")], [("web", "127.65.1.2")]),
        (service(), [], []),
        (service(clusterIP="None"), [], []),
        (service(clusterIP="None"), [endpoint("10.244.0.7")], [("web", "127.64.0.7")]),
        (
            service(clusterIP="None"),
            [endpoint("10.244.1.7", hostname="web-0"), endpoint("10.244.1.8", hostname="web-1")],
            [
                ("web", "127.64.1.7"),
                ("web-0.web", "127.64.1.7"),
                ("web", "127.64.1.8"),
                ("web-1.web", "127.64.1.8"),
            ],
        ),
        (service(clusterIP="None"), [endpoint("192.0.2.1", hostname="elsewhere")], []),
    ],
)
def test_a_service_has_names_as_kubernetes_gives_them(of, endpoints, expected):
    names = names_of(of, endpoints, LOOPBACK)

    assert [(one.name, one.address) for one in names] == expected


def test_a_pod_of_the_same_namespace_needs_the_name_alone():
    name = Name("web-0.web", "shop", "127.64.0.7")

    assert name.line("shop").split() == [
        "127.64.0.7", "web-0.web.shop.svc.cluster.local", "web-0.web.shop.svc", "web-0.web.shop", "web-0.web",
    ]  # fmt: skip
    assert name.line("other").split()[-1] == "web-0.web.shop"


def test_a_pod_knows_itself_and_its_aliases():
    of = pod(
        hostname="web-0", subdomain="web", hostAliases=[{"ip": "127.0.0.9", "hostnames": ["db", "db.local"]}]
    )

    assert own_lines(of, "127.64.0.7") == [
        "127.64.0.7\tweb-0.web.shop.svc.cluster.local web-0",
        "127.0.0.9\tdb db.local",
    ]


def test_a_file_follows_the_services_and_stays_the_same_file(tmp_path):
    hosts, path = HostsFiles(), tmp_path / "etc-hosts"
    hosts.add(path, "shop", ["127.64.0.7\tweb-0"])
    mounted = path.stat().st_ino
    hosts.set_names(KEY, [Name("web", "shop", "127.65.0.9")])
    with_service = lines(path)

    hosts.set_names(KEY, [])

    assert "127.65.0.9\tweb.shop.svc.cluster.local web.shop.svc web.shop web" in with_service
    assert lines(path) == [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "127.64.0.7\tweb-0",
    ]
    assert path.stat().st_ino == mounted


def test_a_pod_that_comes_later_knows_what_is_there_and_one_that_goes_keeps_nothing_up(tmp_path):
    hosts, path = HostsFiles(), tmp_path / "etc-hosts"
    hosts.set_names(KEY, [Name("web", "shop", "127.65.0.9")])
    hosts.add(path, "other", [])
    known = lines(path)
    hosts.drop(path)
    path.unlink()

    hosts.set_names(KEY, [])

    assert known[-1] == "127.65.0.9\tweb.shop.svc.cluster.local web.shop.svc web.shop"
    assert not path.exists()
