// Package acme holds an account that nobody has.
package acme

type Account struct{}

type ExtendedAccount struct {
	Account
	Location string
}
