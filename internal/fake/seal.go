package fake

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const idLen = 24

// newID makes 24 letters and digits. The last 8 prove that a server of this deployment made the rest.
func (s *Server) newID() string {
	var id [idLen]byte
	spell(id[:idLen-8], mix(s.salt+s.seq.Add(1)))
	spell(id[idLen-8:], mix(s.mac(id[:idLen-8])))
	return string(id[:])
}

// issued reports whether id came from newID of a server of this deployment.
func (s *Server) issued(id string) bool {
	if len(id) != idLen {
		return false
	}
	var proof [8]byte
	spell(proof[:], mix(s.mac([]byte(id[:idLen-8]))))
	return id[idLen-8:] == string(proof[:])
}

// spell writes bits as letters and digits.
func spell(dst []byte, bits uint64) {
	for i := range dst {
		if i == 10 {
			bits = mix(bits + 1)
		}
		dst[i] = alphabet[bits%62]
		bits /= 62
	}
}

// mix is the finaliser of splitmix64: it spreads a counter over all bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// mac is a keyed checksum. It detects changes; it is no protection against somebody who reads this file.
func (s *Server) mac(data []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.opt.Deployment + "\x00"))
	_, _ = h.Write(data)
	return h.Sum64()
}

func seed(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text))
	return h.Sum64()
}

// ponder is the reasoning before an answer. Its last line is a checksum of the others, since the Chat dialect carries
// reasoning without a signature.
func (s *Server) ponder(prompt string, round int) string {
	text := prose(seed(prompt)+uint64(round)+1, topic(prompt), 2)
	return fmt.Sprintf("%s\nThat is consistent (%016x).", text, s.mac([]byte(text)))
}

// pondered reports whether text came, unchanged, from ponder.
func (s *Server) pondered(text string) bool {
	head, last, ok := cutLast(text, "\n")
	return ok && last == fmt.Sprintf("That is consistent (%016x).", s.mac([]byte(head)))
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

const sealBytes = 96

// seal is the signature of a thought: base64 that only its deployment can check.
func (s *Server) seal(thought string) string { return s.sealOf(seed(thought)) }

func (s *Server) sealOf(sum uint64) string {
	var b [sealBytes]byte
	binary.BigEndian.PutUint64(b[:], sum)
	r := rand.New(rand.NewPCG(sum, s.mac(b[:8])))
	for i := 8; i < sealBytes; i += 8 {
		binary.BigEndian.PutUint64(b[i:], r.Uint64())
	}
	return base64.StdEncoding.EncodeToString(b[:])
}

// sealed reports whether seal was made by this deployment, for whatever thought.
func (s *Server) sealed(seal string) bool {
	b, err := base64.StdEncoding.DecodeString(seal)
	return err == nil && len(b) == sealBytes && s.sealOf(binary.BigEndian.Uint64(b)) == seal
}
