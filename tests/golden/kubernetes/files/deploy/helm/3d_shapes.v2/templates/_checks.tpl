{{- /* Made by jenkins-ml from jenkins-ml.yaml: what is edited here stays, and is merged. */}}
{{- define "3d_shapes.v2.checks" }}
{{- $known := list }}
{{- range .Values.versions }}
{{- if has (int64 .version) $known }}{{ fail (printf "version %d is listed twice" (int64 .version)) }}{{ end }}
{{- if eq (int64 (.beside | default 0)) (int64 .version) }}{{ fail (printf "version %d is beside itself" (int64 .version)) }}{{ end }}
{{- $known = append $known (int64 .version) }}
{{- end }}
{{- range list .Values.stable .Values.canary }}
{{- if . }}
{{- if not (has (int64 .) $known) }}{{ fail (printf "version %d is not in `versions`" (int64 .)) }}{{ end }}
{{- end }}
{{- end }}
{{- if .Values.canary }}
{{- if not .Values.stable }}{{ fail (printf "there is no `stable` version whose traffic the canary could share") }}{{ end }}
{{- if eq (int64 .Values.canary) (int64 .Values.stable) }}{{ fail (printf "`canary` is the stable version") }}{{ end }}
{{- else }}
{{- if .Values.weight }}{{ fail (printf "there is no `canary` that could get the weight") }}{{ end }}
{{- end }}
{{- end }}
