package mcp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tiktoken-go/tokenizer"
)

// samples are texts as tools answer them, and worse.
func samples(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, file := range map[string]string{
		"prose": "../docs/mcp.md", "code": "../cmd/synap/run.go", "json": "../docs/mcp-tools.json", "prompt": "../prompts/coordinate.md",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text[:min(len(text), 8000)])
	}
	sum := make([]byte, 0, 3200)
	for i := range 100 {
		next := sha256.Sum256(fmt.Appendf(nil, "%d", i))
		sum = append(sum, next[:]...)
	}
	all["base64"] = base64.StdEncoding.EncodeToString(sum)
	all["hex"] = hex.EncodeToString(sum)
	var keys, numbers, ids, words strings.Builder
	for i := range 300 {
		fmt.Fprintf(&keys, `{"key":"user:%d:session","kind":"text","size":%d,"version":%d,"preview":"x%d"},`, i*7919, i, 100000+i, i)
		fmt.Fprintf(&numbers, "%d,%d.%d,", i*104729, i, i*7919)
		fmt.Fprintf(&ids, `"%x-%x",`, sum[i:i+4], sum[i+4:i+12])
		words.WriteString("orderPartition customer-index lockHolder ")
	}
	all["keys"], all["numbers"], all["ids"], all["words"] = keys.String(), numbers.String(), ids.String(), words.String()
	all["chinese"] = strings.Repeat("人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。", 40)
	all["russian"] = strings.Repeat("Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью. ", 40)
	all["german"] = strings.Repeat("Alle Menschen sind frei und gleich an Würde und Rechten geboren; sie sind mit Vernunft begabt und sollen brüderlich handeln. ", 40)
	all["hindi"] = strings.Repeat("सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। ", 40)
	all["emoji"] = strings.Repeat("🚀🎉👩‍💻✅ ", 100)
	return all
}

// TestWeigh holds the estimate against o200k: never much less, and not many times as much.
func TestWeigh(t *testing.T) {
	encoding, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range samples(t) {
		ids, _, err := encoding.Encode(text)
		if err != nil {
			t.Fatal(err)
		}
		ratio := float64(weigh([]byte(text))) / float64(len(ids))
		t.Logf("%-8s %6d bytes %6d tokens, weighed %.2f", name, len(text), len(ids), ratio)
		if ratio < 0.95 || ratio > 2 {
			t.Errorf("%s: weighed %.2f times its %d tokens", name, ratio, len(ids))
		}
	}
}
