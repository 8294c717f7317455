package main

// Written by hand: what a filled template never looks like, and what people write.
var realistic = []string{
	`{}`,
	`{"metadata":null,"spec":{"containers":null}}`,
	`{"metadata":{"creationTimestamp":null,"labels":{}},"spec":{"containers":[],"volumes":[]}}`,
	`{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"web:1","resources":{}}],"somethingNewer":{"a":1}}}`,
	`{"metadata":{"creationTimestamp":null,"labels":{"app":"web","version":"v2"},"annotations":{"prometheus.io/scrape":"true"}},
	"spec":{"containers":[{"name":"web","image":"registry.example/web@sha256:abcdef","ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],
	"env":[{"name":"A","value":"1"},{"name":"CPU","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"0"}}},
	{"name":"S","valueFrom":{"secretKeyRef":{"name":"s","key":"k","optional":true}}}],"envFrom":[{"prefix":"P_","configMapRef":{"name":"c"}}],
	"resources":{"limits":{"cpu":"1","memory":"512Mi"},"requests":{"cpu":"250m","memory":"128Mi","nvidia.com/gpu":"1"}},
	"livenessProbe":{"httpGet":{"path":"/live","port":"http","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},
	"readinessProbe":{"tcpSocket":{"port":8080},"initialDelaySeconds":3},"lifecycle":{"preStop":{"exec":{"command":["sleep","5"]}}},
	"volumeMounts":[{"name":"data","mountPath":"/data","readOnly":true,"recursiveReadOnly":"Disabled"}],
	"securityContext":{"runAsNonRoot":true,"capabilities":{"drop":["ALL"]},"allowPrivilegeEscalation":false},
	"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}],
	"initContainers":[{"name":"sidecar","image":"proxy:1","restartPolicy":"Always","resources":{}}],
	"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"web","serviceAccount":"web",
	"securityContext":{"fsGroup":2000,"seccompProfile":{"type":"RuntimeDefault"}},"schedulerName":"default-scheduler",
	"affinity":{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":100,"podAffinityTerm":
	{"labelSelector":{"matchExpressions":[{"key":"app","operator":"In","values":["web"]}]},"topologyKey":"kubernetes.io/hostname"}}]}},
	"tolerations":[{"key":"k","operator":"Exists","effect":"NoSchedule","tolerationSeconds":0}],
	"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway","labelSelector":{"matchLabels":{"app":"web"}}}],
	"volumes":[{"name":"data","emptyDir":{"medium":"Memory","sizeLimit":"64Mi"}},{"name":"c","configMap":{"name":"c","defaultMode":420}},
	{"name":"t","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}],"defaultMode":420}}]}}`,
}
