package certs

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

// Principals says for whom a client stands that shows a certificate: by one of the names in it.
type Principals map[string]string // "uri:spiffe://example/planner" -> "planner"

// The kinds of names in a certificate, in the order in which they are looked up: the subject's common name comes last,
// because nothing says what it means.
var kinds = []string{"uri", "dns", "email", "cn"}

// ParsePrincipals reads entries of the form kind:name=principal, where kind is uri, dns, email or cn.
func ParsePrincipals(entries []string) (Principals, error) {
	p := Principals{}
	for _, entry := range entries {
		at := strings.LastIndexByte(entry, '=')
		kind, name, ok := strings.Cut(entry[:max(at, 0)], ":")
		if !ok || name == "" || at == len(entry)-1 || !slices.Contains(kinds, kind) {
			return nil, fmt.Errorf("%q is not of the form kind:name=principal, where kind is one of %s, such as uri:spiffe://example.org/planner=planner",
				entry, strings.Join(kinds, ", "))
		}
		if p[entry[:at]] != "" {
			return nil, fmt.Errorf("%q is there twice", entry[:at])
		}
		p[entry[:at]] = entry[at+1:]
	}
	return p, nil
}

// Of returns the principal of a certificate that was verified; ok is false when none of its names has one.
func (p Principals) Of(cert *x509.Certificate) (principal string, ok bool) {
	if cert == nil || len(p) == 0 {
		return "", false
	}
	for _, kind := range kinds {
		for _, name := range namesOf(cert, kind) {
			if principal, ok := p[kind+":"+name]; ok {
				return principal, true
			}
		}
	}
	return "", false
}

func namesOf(cert *x509.Certificate, kind string) []string {
	switch kind {
	case "dns":
		return cert.DNSNames
	case "email":
		return cert.EmailAddresses
	case "cn":
		return []string{cert.Subject.CommonName}
	}
	names := make([]string, len(cert.URIs))
	for i, u := range cert.URIs {
		names[i] = u.String()
	}
	return names
}
