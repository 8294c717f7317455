"""What is built: one recipe per Go module of deploy/sandbox/toolchain, keyed by a digest of its pins.

Pure data and the digest; `builder` carries the recipes out. A change of go.mod, go.sum, code or flags gives another
digest, so another folder in the cache, so a new build.
"""

import hashlib
from pathlib import Path

import msgspec

KUBERNETES_VERSION = "v1.36.3"
# Bump when a recipe's steps change without its data changing.
LAYOUT = "1"

_KUBERNETES_LINK_FLAGS = " ".join(
    f"-X k8s.io/component-base/version.{name}={value}"
    for name, value in (
        ("gitVersion", KUBERNETES_VERSION),
        ("gitMajor", KUBERNETES_VERSION.removeprefix("v").split(".")[0]),
        ("gitMinor", KUBERNETES_VERSION.split(".")[1]),
    )
)

_TRAEFIK_REFERENCE = "docs/content/reference/dynamic-configuration"


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How one folder of the cache comes about.

    Args:
        name: the folder's name below deploy/sandbox/toolchain.
        binaries: file name -> Go package.
        link_flags: added to the linker's flags.
        tags: Go's build tags.
        expected_s: seconds that a build from nothing takes on two cores, for the progress display.
        manifests_module: a module whose YAML files are needed at run time.
        manifests: file name in the cache -> paths in that module, or patterns of paths.
    """

    name: str
    binaries: dict[str, str]
    link_flags: str = ""
    tags: str = ""
    expected_s: int
    manifests_module: str = ""
    manifests: dict[str, tuple[str, ...]] = {}


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        name="nats-server",
        binaries={"nats-server": "github.com/nats-io/nats-server/v2"},
        expected_s=50,
    ),
    Recipe(name="etcd", binaries={"etcd": "go.etcd.io/etcd/server/v3"}, expected_s=45),
    Recipe(
        name="kubernetes",
        binaries={
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        },
        link_flags=_KUBERNETES_LINK_FLAGS,
        expected_s=420,
    ),
    Recipe(
        name="contour",
        binaries={"contour": "github.com/projectcontour/contour/cmd/contour"},
        expected_s=170,
        manifests_module="github.com/projectcontour/contour",
        manifests={
            "crds.jsonl": ("examples/gateway/00-crds.yaml", "examples/contour/01-crds.yaml"),
            "roles.jsonl": ("examples/contour/02-role-contour.yaml",),
        },
    ),
    Recipe(
        # Only its definitions: for an API server that validates what is written for a mesh.
        name="istio",
        binaries={},
        expected_s=5,
        manifests_module="istio.io/api",
        manifests={"crds.jsonl": ("kubernetes/customresourcedefinitions.gen.yaml",)},
    ),
    Recipe(
        # The tags are those of Istio's own builds.
        name="istiod",
        binaries={"istiod": "istio.io/istio/pilot/cmd/pilot-discovery"},
        tags="vtprotobuf,disable_pgv",
        expected_s=400,
    ),
    Recipe(
        name="prometheus",
        binaries={"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
        expected_s=480,
    ),
    Recipe(
        name="kruise",
        binaries={"kruise-manager": "github.com/openkruise/kruise"},
        expected_s=220,
        manifests_module="github.com/openkruise/kruise",
        manifests={
            "crds.jsonl": ("config/crd/bases/*.yaml",),
            "roles.jsonl": ("config/rbac/role.yaml",),
            "webhooks.jsonl": ("config/webhook/manifests.yaml",),
            "webhook-patches.jsonl": ("config/webhook/patch_manifests.yaml",),
        },
    ),
    Recipe(
        # Without ACME, whose hundred providers of DNS are most of it and not all to be had: see its go.mod.
        name="traefik",
        binaries={"traefik": "github.com/traefik/traefik/v3/cmd/traefik"},
        expected_s=280,
        manifests_module="github.com/traefik/traefik/v3",
        manifests={
            "crds.jsonl": (f"{_TRAEFIK_REFERENCE}/kubernetes-crd-definition-v1.yml",),
            "roles.jsonl": (
                f"{_TRAEFIK_REFERENCE}/kubernetes-crd-rbac.yml",
                f"{_TRAEFIK_REFERENCE}/kubernetes-ingress-nginx-rbac.yml",
            ),
        },
    ),
    # No parts of a sandbox: definitions of routes, for an API server that validates what is written for them.
    Recipe(
        name="apisix",
        binaries={},
        expected_s=5,
        manifests_module="github.com/apache/apisix-ingress-controller",
        manifests={"crds.jsonl": ("samples/deploy/crd/v1/ApisixRoute.yaml",)},
    ),
    Recipe(
        name="traefik-definitions",
        binaries={},
        expected_s=10,
        manifests_module="github.com/traefik/traefik/v3",
        manifests={"crds.jsonl": (f"{_TRAEFIK_REFERENCE}/kubernetes-crd-definition-v1.yml",)},
    ),
    # Nor are these: servers that the analyzer is tested against.
    Recipe(
        name="victoria-metrics",
        binaries={"victoria-metrics": "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics"},
        expected_s=50,
    ),
    Recipe(
        # The last one whose Flux is written in Go alone; it answers in version 2's API, too.
        name="influxdb",
        binaries={"influxd": "github.com/influxdata/influxdb/cmd/influxd"},
        expected_s=210,
    ),
    Recipe(
        # The last one that has its web pages in its module; those after it can't be built from that alone.
        name="alertmanager",
        binaries={"alertmanager": "github.com/prometheus/alertmanager/cmd/alertmanager"},
        expected_s=60,
    ),
    Recipe(
        # The last one that the module proxy has.
        name="kube-state-metrics",
        binaries={"kube-state-metrics": "k8s.io/kube-state-metrics/v2"},
        expected_s=240,
    ),
    Recipe(
        name="flagger-loadtester",
        binaries={"loadtester": "github.com/fluxcd/flagger/cmd/loadtester"},
        expected_s=60,
    ),
)


def digest_of(recipe: Recipe, pins: Path) -> str:
    """Twelve hex digits that change whenever the result of the recipe would."""
    content = hashlib.sha256(LAYOUT.encode())
    said = msgspec.to_builtins(recipe)
    # What has none is what it was before there were any: nobody has to build it again.
    content.update(msgspec.json.encode({name: value for name, value in said.items() if name != "tags" or value}))
    for file in sorted((pins / recipe.name).rglob("*.*")):
        content.update(file.read_bytes())
    return content.hexdigest()[:12]
