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
