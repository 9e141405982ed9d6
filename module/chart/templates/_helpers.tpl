{{/*
The namespace of everything in this chart. Fixed, and written on every object: module-manager renders the chart for
the namespace "default". The Namespace itself is not in the chart, because removing the module would delete it and
every retained volume in it.
*/}}
{{- define "manager.namespace" -}}
kyma-system
{{- end }}

{{- define "manager.name" -}}
eventing-controller-manager
{{- end }}

{{- define "manager.selectorLabels" -}}
app.kubernetes.io/name: eventing-manager
app.kubernetes.io/component: controller-manager
{{- end }}

{{- define "manager.labels" -}}
{{ include "manager.selectorLabels" . }}
app.kubernetes.io/part-of: eventing
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/*
The Role that allows one Secret of EventMesh, by the Secret's name: no other Role's name begins so, and a name that
would be too long becomes its digest. The manager names it likewise when it tells how to allow a Secret (role_name).
*/}}
{{- define "manager.eventmeshRole" -}}
{{- $name := printf "eventing-manager-eventmesh-%s" . }}
{{- if gt (len $name) 253 }}{{ $name = printf "eventing-manager-eventmesh.%s" (sha256sum .) }}{{ end }}
{{- $name }}
{{- end }}
