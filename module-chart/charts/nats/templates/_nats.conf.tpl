{{/*
The server's configuration. The store's folder is not in it: it is an argument of the container, so that whoever
runs the container elsewhere than in a container can move the volume.
*/}}
{{- define "nats.conf" -}}
server_name: $POD_NAME
port: 4222
http_port: 8222
# Beside this file; it is of a Secret.
include auth.conf

jetstream {
  max_memory_store: {{ include "nats.memoryStoreBytes" . }}
  max_file_store: {{ if eq .Values.storage.type "file" }}{{ .Values.storage.bytes | int64 }}{{ else }}0{{ end }}
}
{{- if gt (int .Values.replicas) 1 }}

cluster {
  name: {{ include "nats.name" . }}
  port: 6222
  {{- if .Values.auth.salt }}
  # Beside this file, and of the same Secret: who may join, and the routes.
  include cluster.conf
  {{- else }}
  {{- include "nats.routes" (list . "") | nindent 2 }}
  {{- end }}
  # A route to a server that has not started yet is retried for as long as it takes.
  connect_retries: 1000000
}
{{- end }}
{{- end }}

{{/* All servers, for the list of the chart's root and of what a route begins with. */}}
{{- define "nats.routes" -}}
{{- $root := index . 0 }}
{{- $login := index . 1 -}}
routes: [
  {{- range $ordinal := until (int $root.Values.replicas) }}
  nats://{{ $login }}{{ include "nats.name" $root }}-{{ $ordinal }}.{{ include "nats.headlessName" $root }}.{{ $root.Release.Namespace }}.svc:6222
  {{- end }}
]
{{- end }}

{{/*
A text as NATS reads it, whatever it is made of: helm's quote is not NATS' quoting, which knows fewer escapes. What both
know stays as helm writes it; of all else each byte is written as a number.
*/}}
{{- define "nats.text" -}}
{{- $quoted := . | quote }}
{{- if regexMatch `^([^\\]|\\[\\"tnrx])*$` $quoted }}
{{- $quoted }}
{{- else -}}
"{{ regexReplaceAll "(..)" (printf "%x" .) `\x${1}` }}"
{{- end }}
{{- end }}

{{/* Who may connect as a client. The monitoring port asks for no name: a NetworkPolicy keeps all but the manager out. */}}
{{- define "nats.auth.conf" -}}
authorization {
  user: {{ include "nats.text" .Values.auth.user }}
  password: {{ include "nats.text" (include "nats.password" .) }}
}
{{- end }}

{{/*
Who may join the cluster. The password is made of the salt alone: it has to stay while the one of the clients changes, or
a server that was restarted with the new one could not join those that still have the old one.
*/}}
{{- define "nats.cluster.conf" -}}
{{- $user := include "nats.name" . }}
{{- $password := printf "routes of %s: %s" $user .Values.auth.salt | sha256sum -}}
authorization {
  user: {{ $user | quote }}
  password: {{ $password | quote }}
}
{{ include "nats.routes" (list . (printf "%s:%s@" $user $password)) }}
{{- end }}

{{/* The same while NATS drains: clients may ask JetStream and acknowledge, and neither publish nor fill a stream otherwise. */}}
{{- define "nats.draining.conf" -}}
authorization {
  users: [
    {
      user: {{ include "nats.text" .Values.auth.user }}
      password: {{ include "nats.text" (include "nats.password" .) }}
      permissions {
        publish {
          allow: ["$JS.ACK.>", "$JS.FC.>", "$JS.API.>"]
          deny: ["$JS.API.STREAM.CREATE.>", "$JS.API.STREAM.UPDATE.>", "$JS.API.STREAM.RESTORE.>"]
        }
      }
    }
  ]
}
{{- end }}
