// Package lego gives no client.
package lego

import (
	"crypto"
	"crypto/x509"
	"net/http"
	"time"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/registration"
)

const DirectoryURLLetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

type User interface {
	GetEmail() string
	GetRegistration() *acme.ExtendedAccount
	GetPrivateKey() crypto.Signer
}

type Config struct {
	CADirURL, UserAgent string
	HTTPClient          *http.Client
	Certificate         struct{ Timeout time.Duration }
}

type Client struct {
	Certificate  certificate.Certifier
	Challenge    challenge.Solvers
	Registration registration.Registrar
}

func NewConfig(User) *Config                                { return &Config{} }
func NewClient(*Config) (*Client, error)                    { return nil, challenge.ErrLeftOut }
func CreateCertPool([]string, bool) (*x509.CertPool, error) { return nil, challenge.ErrLeftOut }
