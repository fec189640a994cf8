package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is
//
//	magic  2 bytes  where a reader that lost its way may look again
//	length 4 bytes  little endian, of the payload, never 0
//	crc    4 bytes  CRC-32C of the payload, started with a hash of position and length
//	payload
//
// The position is not written: it is where the frame begins, counted over the life of the spool. With it in the checksum, a
// frame that a client smuggles into a payload, or that a file system brings back from an older file, is not one.
const (
	headerSize = 10
	magic      = "\xa7\x5e"
	maxPayload = 4 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(b []byte, at Pos, payload []byte) []byte {
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.LittleEndian.AppendUint32(b, checksum(at, payload))
	return append(b, payload...)
}

// checksum mixes position and length into the start value, which needs no memory of its own.
func checksum(at Pos, payload []byte) uint32 {
	seed := (uint64(at) ^ uint64(len(payload))<<40) * 0x9e3779b97f4a7c15
	return crc32.Update(uint32(seed>>32), castagnoli, payload)
}

// cutFrame reads the frame at the start of b, which lies at position at. A frame that is damaged or incomplete is not ok.
func cutFrame(b []byte, at Pos) (payload []byte, ok bool) {
	if len(b) < headerSize || string(b[:2]) != magic {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(b[2:])
	if n == 0 || n > maxPayload || int(n) > len(b)-headerSize {
		return nil, false
	}
	payload = b[headerSize : headerSize+int(n)]
	return payload, checksum(at, payload) == binary.LittleEndian.Uint32(b[6:])
}
