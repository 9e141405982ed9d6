{{/* The name of everything in this chart; with the manager's release name "eventing" it is eventing-nats. */}}
{{- define "nats.name" -}}
{{ .Release.Name }}-nats
{{- end }}

{{- define "nats.headlessName" -}}
{{ include "nats.name" . }}-headless
{{- end }}

{{- define "nats.secretName" -}}
{{ include "nats.name" . }}-auth
{{- end }}

{{- define "nats.password" -}}
{{ required "auth.password is not set; the manager generates one" .Values.auth.password }}
{{- end }}

{{/* The labels that select the pods: they must never change on a live StatefulSet. */}}
{{- define "nats.selectorLabels" -}}
app.kubernetes.io/name: nats
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "nats.labels" -}}
{{ include "nats.selectorLabels" . }}
app.kubernetes.io/component: eventing-backend
app.kubernetes.io/part-of: eventing
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: eventing-manager
{{- end }}

{{/* A map of texts, each of which YAML reads as the text it is, whatever it looks like and whoever reads it. */}}
{{- define "nats.texts" -}}
{{- range $key, $text := . }}
{{ printf "%+q: %+q" $key $text }}
{{- end }}
{{- end }}

{{/* The chart's own labels and annotations of the pods: they win over those given by values. */}}
{{- define "nats.podLabels" -}}
{{ include "nats.labels" . }}
sidecar.istio.io/inject: "false"
{{- end }}

{{/*
With the salt in it the digest tells nobody what a weak password might be. Without one it is as it was before there was
a salt, so that no server restarts.
*/}}
{{- define "nats.authDigest" -}}
{{- with .Values.auth.salt }}{{ printf "%s\n" . }}{{ end }}{{ include "nats.auth.conf" . }}
{{- end }}

{{/* A server reads its configuration once, so a changed one restarts it. */}}
{{- define "nats.podAnnotations" -}}
checksum/auth: {{ include "nats.authDigest" . | sha256sum | quote }}
checksum/config: {{ include "nats.conf" . | sha256sum | quote }}
eventing-manager.kyma-project.io/draining: {{ .Values.draining | quote }}
{{- end }}

{{/* What JetStream may hold in memory, in bytes. */}}
{{- define "nats.memoryStoreBytes" -}}
{{- if eq .Values.storage.type "memory" }}{{ .Values.storage.bytes | int64 }}
{{- else }}{{ .Values.memoryStoreBytes | int64 }}
{{- end }}
{{- end }}

{{/* Own resources, unless given: the memory limit leaves 256Mi beside what JetStream may hold in memory. */}}
{{- define "nats.resources" -}}
{{- if .Values.resources }}
{{- toYaml .Values.resources }}
{{- else -}}
limits:
  cpu: "1"
  memory: {{ add (include "nats.memoryStoreBytes" . | int64) 268435456 | quote }}
requests:
  cpu: 20m
  memory: 64Mi
{{- end }}
{{- end }}
