// Package certstest makes authorities and certificates for tests. It is for tests only: its keys are worth nothing.
package certstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA is an authority.
type CA struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	lists int64 // how many revocation lists it has made
	// Dir holds ca.pem, and what is issued.
	Dir string
}

// New makes an authority with a folder of its own.
func New(t testing.TB) *CA {
	t.Helper()
	ca := &CA{t: t, Dir: t.TempDir(), key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "an authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &ca.key.PublicKey, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	ca.write("ca.pem", "CERTIFICATE", der)
	return ca
}

// File is the path of a file in the authority's folder.
func (ca *CA) File(name string) string { return filepath.Join(ca.Dir, name) }

// Pool trusts the authority.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Issue writes name.pem and name.key: a certificate for loopback, with the common name and perhaps a URI, and otherwise as changes
// make it.
func (ca *CA) Issue(name, commonName, uri string, changes ...func(*x509.Certificate)) (cert, key string) {
	ca.t.Helper()
	own := newKey(ca.t)
	template := &x509.Certificate{
		SerialNumber: serial(ca.t), Subject: pkix.Name{CommonName: commonName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if uri != "" {
		u, err := url.Parse(uri)
		if err != nil {
			ca.t.Fatal(err)
		}
		template.URIs = []*url.URL{u}
	}
	for _, change := range changes {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, &own.PublicKey, ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		ca.t.Fatal(err)
	}
	return ca.write(name+".pem", "CERTIFICATE", der), ca.write(name+".key", "PRIVATE KEY", secret)
}

// Revoke writes a list of revoked certificates, those of the names, which is good until then, and returns its path. Lists that are made
// later are later ones.
func (ca *CA) Revoke(file string, until time.Time, names ...string) string {
	ca.t.Helper()
	ca.lists++
	list := &x509.RevocationList{Number: big.NewInt(ca.lists), ThisUpdate: until.Add(time.Duration(ca.lists)*time.Second - 2*time.Hour), NextUpdate: until}
	for _, name := range names {
		data, err := os.ReadFile(ca.File(name + ".pem"))
		if err != nil {
			ca.t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			ca.t.Fatal(err)
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: cert.SerialNumber, RevocationTime: list.ThisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, ca.cert, ca.key)
	if err != nil {
		ca.t.Fatal(err)
	}
	return ca.write(file, "X509 CRL", der)
}

func (ca *CA) write(name, kind string, der []byte) string {
	ca.t.Helper()
	path := ca.File(name)
	// Renamed into place, so that nobody reads half a file.
	if err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		ca.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		ca.t.Fatal(err)
	}
	return path
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
