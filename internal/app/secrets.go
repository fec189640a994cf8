package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// secret returns what was given, or what the file in the data folder says, or makes one up once and keeps it there.
func secret(given, dir, file string) (string, error) {
	if given != "" {
		return given, nil
	}
	path := filepath.Join(dir, file)
	text, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(text)) != "" {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	made := rand.Text() + rand.Text()
	// Written aside and renamed, so that a crash leaves the whole secret or none.
	tmp, err := os.CreateTemp(dir, file)
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name())
	if _, err = tmp.WriteString(made + "\n"); err == nil {
		err = tmp.Sync() // CreateTemp makes files of mode 0600
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	return made, err
}

// folder makes the data folder and proves that it can be written.
func folder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder %s cannot be made: %w; choose another with --data", dir, reason(err))
	}
	probe, err := os.CreateTemp(dir, ".probe")
	if err != nil {
		return fmt.Errorf("data folder %s cannot be written: %w; choose another with --data", dir, reason(err))
	}
	defer os.Remove(probe.Name())
	return probe.Close()
}

// reason is the cause without the path that the sentence around it names already.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
