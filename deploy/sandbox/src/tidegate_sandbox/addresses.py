"""Every address inside a sandbox: fixed, since each sandbox has a network namespace of its own.

Read by the parts that listen there, by the probes, and by `state` for those who run inside. The podlet hands out
pod addresses of `POD_RANGE` except the last 256, which stay free for what stands in for a machine.
"""

LOOPBACK = "127.0.0.1"
POD_RANGE = "10.244.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
# Endpoints refuse loopback addresses, so the API server advertises one of the pod range.
API_SERVER_ADVERTISED = "10.244.255.254"
RESOURCE_METRICS_ADDRESS = "10.244.255.253"
# The mesh's gateway calls itself so; nothing listens there.
MESH_GATEWAY_ADDRESS = "10.244.255.252"

API_SERVER_PORT = 6443
ETCD_PORT = 2379
ETCD_PEER_PORT = 2380
CONTROLLER_MANAGER_PORT = 10257
PODLET_METRICS_PORT = 10255
RESOURCE_METRICS_PORT = 10250
NATS_PORT = 4222
NATS_MONITORING_PORT = 8222
PROMETHEUS_PORT = 9090
CONTOUR_XDS_PORT = 8001
CONTOUR_HEALTH_PORT = 8000
CONTOUR_DEBUG_PORT = 6060
ENVOY_METRICS_PORT = 8002
KRUISE_WEBHOOK_PORT = 9876
KRUISE_METRICS_PORT = 8082
KRUISE_HEALTH_PORT = 8083
TRAEFIK_ADMIN_PORT = 8085
TRAEFIK_PORT = 18081
MESH_PORT = 18082
ISTIOD_XDS_PORT = 15010
ISTIOD_HTTP_PORT = 15011
ISTIOD_MONITORING_PORT = 15014
MESH_ENVOY_ADMIN_PORT = 15000
GATEWAY_PORT = 18080
# Contour moves a Gateway's listener up by this much, so that Envoy may run without privileges.
CONTOUR_PORT_SHIFT = 8000
PROXY_PORT = GATEWAY_PORT + CONTOUR_PORT_SHIFT

# Name of a door to the outside -> the port inside that it leads to.
FORWARDED = {
    "kubernetes": API_SERVER_PORT,
    "nats": NATS_PORT,
    "nats-monitoring": NATS_MONITORING_PORT,
    "prometheus": PROMETHEUS_PORT,
    "proxy": PROXY_PORT,
    "traefik": TRAEFIK_PORT,
    "traefik-admin": TRAEFIK_ADMIN_PORT,
    "mesh": MESH_PORT,
}
