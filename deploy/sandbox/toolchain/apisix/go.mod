module tidegate.dev/toolchain/apisix

go 1.26.0

require github.com/apache/apisix-ingress-controller v1.8.4
