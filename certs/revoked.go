package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"
)

// revoked are the lists of revoked certificates, by the authority that signed them: its name and its key, since the same authority may
// have several certificates. Certificates of authorities without a list are not looked up.
type revoked map[string]*revocations

// revocations is one authority's list.
type revocations struct {
	made    time.Time
	until   time.Time       // when the next list is due; zero is never
	serials map[string]bool // of the certificates that are revoked
}

func authority(c *x509.Certificate) string {
	return string(c.RawSubject) + string(c.RawSubjectPublicKeyInfo)
}

// readRevoked reads the lists in a file, in PEM or a single one in DER. Each has to be signed by one of the authorities.
func readRevoked(name string, authorities []*x509.Certificate) (revoked, error) {
	data, err := readFile(name)
	if err != nil {
		return nil, err
	}
	var lists [][]byte
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "X509 CRL" {
			lists = append(lists, block.Bytes)
		}
	}
	if len(lists) == 0 && !bytes.Contains(data, []byte("-----BEGIN")) {
		lists = append(lists, data)
	}
	if len(lists) == 0 {
		return nil, fmt.Errorf("%s: there is no revocation list in it", name)
	}
	all := revoked{}
	for _, der := range lists {
		if err := all.add(der, authorities); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

// add takes a list in. Of several of one authority the last that was made counts.
func (r revoked) add(der []byte, authorities []*x509.Certificate) error {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return fmt.Errorf("a revocation list cannot be read: %w", err)
	}
	for _, e := range list.Extensions {
		if e.Critical { // that it is one of some certificates only, or says what has changed since another one
			return fmt.Errorf("the revocation list of %s is not a whole one: its extension %v is not understood", list.Issuer, e.Id)
		}
	}
	for _, a := range authorities {
		if !bytes.Equal(a.RawSubject, list.RawIssuer) || list.CheckSignatureFrom(a) != nil {
			continue
		}
		if known := r[authority(a)]; known != nil && known.made.After(list.ThisUpdate) {
			return nil
		}
		serials := make(map[string]bool, len(list.RevokedCertificateEntries))
		for i := range list.RevokedCertificateEntries {
			serials[string(list.RevokedCertificateEntries[i].SerialNumber.Bytes())] = true
		}
		r[authority(a)] = &revocations{list.ThisUpdate, list.NextUpdate, serials}
		return nil
	}
	return fmt.Errorf("the revocation list of %s is signed by none of the authorities of clients", list.Issuer)
}

// check refuses a client none of whose chains is free of revoked certificates. It is asked when a session is resumed, too.
func (r revoked) check(state tls.ConnectionState) (err error) {
	now := time.Now()
	for _, chain := range state.VerifiedChains {
		if err = r.checkChain(chain, now); err == nil {
			return nil
		}
	}
	return err // no chain is no certificate
}

func (r revoked) checkChain(chain []*x509.Certificate, now time.Time) error {
	for i, c := range chain[:len(chain)-1] {
		list := r[authority(chain[i+1])]
		switch {
		case list == nil:
		case !list.until.IsZero() && now.After(list.until):
			return fmt.Errorf("the revocation list of %s is out of date since %s: whether certificates are revoked is not known", c.Issuer, list.until.Format(time.RFC3339))
		case list.serials[string(c.SerialNumber.Bytes())]:
			return fmt.Errorf("the certificate of %s is revoked", c.Subject)
		}
	}
	return nil
}

// parseAll are the certificates in a PEM file.
func parseAll(data []byte) (all []*x509.Certificate) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			all = append(all, c)
		}
	}
}
