// Package ext stands for Traefik's own module of that name, which no module proxy has: the place in its configuration
// where another edition adds fields. This one adds none, as Traefik's own.
package ext

type (
	HTTP   struct{}
	Router struct{}
)

func (HTTP) DeepCopyInto(*HTTP)     {}
func (Router) DeepCopyInto(*Router) {}
