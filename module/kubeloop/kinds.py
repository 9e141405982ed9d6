"""The kinds that ship with Kubernetes and that controllers here deal with."""

from __future__ import annotations

from typing import Final

from kubeloop.resource import Kind

CONFIG_MAP: Final = Kind.parse("v1", "ConfigMap")
EVENT: Final = Kind.parse("v1", "Event")
NAMESPACE: Final = Kind.parse("v1", "Namespace")
NODE: Final = Kind.parse("v1", "Node")
PV: Final = Kind.parse("v1", "PersistentVolume")
PVC: Final = Kind.parse("v1", "PersistentVolumeClaim")
POD: Final = Kind.parse("v1", "Pod")
SECRET: Final = Kind.parse("v1", "Secret")
SERVICE: Final = Kind.parse("v1", "Service")
SERVICE_ACCOUNT: Final = Kind.parse("v1", "ServiceAccount")

DAEMON_SET: Final = Kind.parse("apps/v1", "DaemonSet")
DEPLOYMENT: Final = Kind.parse("apps/v1", "Deployment")
REPLICA_SET: Final = Kind.parse("apps/v1", "ReplicaSet")
STATEFUL_SET: Final = Kind.parse("apps/v1", "StatefulSet")
JOB: Final = Kind.parse("batch/v1", "Job")

ENDPOINT_SLICE: Final = Kind.parse("discovery.k8s.io/v1", "EndpointSlice")
LEASE: Final = Kind.parse("coordination.k8s.io/v1", "Lease")
NETWORK_POLICY: Final = Kind.parse("networking.k8s.io/v1", "NetworkPolicy")
POD_DISRUPTION_BUDGET: Final = Kind.parse("policy/v1", "PodDisruptionBudget")
STORAGE_CLASS: Final = Kind.parse("storage.k8s.io/v1", "StorageClass")

CLUSTER_ROLE: Final = Kind.parse("rbac.authorization.k8s.io/v1", "ClusterRole")
CLUSTER_ROLE_BINDING: Final = Kind.parse("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")
ROLE: Final = Kind.parse("rbac.authorization.k8s.io/v1", "Role")
ROLE_BINDING: Final = Kind.parse("rbac.authorization.k8s.io/v1", "RoleBinding")

CRD: Final = Kind.parse("apiextensions.k8s.io/v1", "CustomResourceDefinition")
SUBJECT_ACCESS_REVIEW: Final = Kind.parse("authorization.k8s.io/v1", "SubjectAccessReview")
TOKEN_REVIEW: Final = Kind.parse("authentication.k8s.io/v1", "TokenReview")
