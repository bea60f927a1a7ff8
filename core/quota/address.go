package quota

import "net/netip"

// AddressKey is what requests from an address and port are counted under: the address, and of one of version 6 the /64 that
// it is in, all of which one subscriber has.
func AddressKey(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
