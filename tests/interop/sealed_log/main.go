// Checks what the gateway's sealed access log hands out with Go's own libraries, and nothing of ours.
//
//	sealed_log VKEY proof FILE.tlog-proof
//	sealed_log VKEY consistency OLD.note NEW.note CONSISTENCY.json
//
// Exit status: 0 accepted, 1 refused.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println("accepted")
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("see the head of main.go for what it takes")
	}
	verifier, err := note.NewVerifier(args[0])
	if err != nil {
		return err
	}
	if args[1] == "proof" {
		return checkProof(verifier, args[2])
	}
	if args[1] == "consistency" && len(args) == 5 {
		return checkConsistency(verifier, args[2], args[3], args[4])
	}
	return fmt.Errorf("unknown check %q", args[1])
}

// openCheckpoint verifies a signed note and reads its three lines.
func openCheckpoint(verifier note.Verifier, text []byte) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// checkProof reads a c2sp.org/tlog-proof@v1 file whose extra data is the entry.
func checkProof(verifier note.Verifier, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, checkpoint, found := strings.Cut(string(content), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("not a tlog-proof")
	}
	tree, err := openCheckpoint(verifier, []byte(checkpoint))
	if err != nil {
		return err
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	path64, err := hashes(lines[3:])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path64, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

func checkConsistency(verifier note.Verifier, oldPath, newPath, proofPath string) error {
	var trees [2]tlog.Tree
	for place, path := range []string{oldPath, newPath} {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if trees[place], err = openCheckpoint(verifier, content); err != nil {
			return err
		}
	}
	content, err := os.ReadFile(proofPath)
	if err != nil {
		return err
	}
	var answer struct{ Data struct{ Hashes []string } }
	if err := json.Unmarshal(content, &answer); err != nil {
		return err
	}
	proof, err := hashes(answer.Data.Hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, trees[1].N, trees[1].Hash, trees[0].N, trees[0].Hash)
}

func hashes(texts []string) ([]tlog.Hash, error) {
	var read []tlog.Hash
	for _, text := range texts {
		hash, err := tlog.ParseHash(text)
		if err != nil {
			return nil, err
		}
		read = append(read, hash)
	}
	return read, nil
}
