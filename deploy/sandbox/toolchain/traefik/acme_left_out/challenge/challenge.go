// Package challenge has the one type that Traefik implements, and the one error that all of this module gives.
package challenge

import (
	"context"
	"errors"
)

var ErrLeftOut = errors.New("ACME is left out of this build of Traefik")

type Provider interface {
	Present(ctx context.Context, domain, token, keyAuth string) error
	CleanUp(ctx context.Context, domain, token, keyAuth string) error
}

// Option changes nothing: there is nothing to change.
type Option struct{}

// Solvers take no provider.
type Solvers struct{}

func (Solvers) SetDNS01Provider(Provider, ...Option) error     { return ErrLeftOut }
func (Solvers) SetHTTP01Provider(Provider, ...Option) error    { return ErrLeftOut }
func (Solvers) SetTLSALPN01Provider(Provider, ...Option) error { return ErrLeftOut }
