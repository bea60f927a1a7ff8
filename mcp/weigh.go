package mcp

import "unicode/utf8"

// weigh says about how many tokens a model reads in a text; it rather says too many. A model's own count needs a vocabulary of megabytes and
// a hundred times as long. Tokens do not reach from one kind of character into another, words in a language are one or two, and what is nobody's
// language (keys, hashes, base64) falls into pieces of two letters: TestWeigh holds it against o200k.
func weigh(text []byte) int {
	quarters := 0 // of tokens
	for i := 0; i < len(text); {
		c := text[i]
		begin := i
		switch kind(c) {
		case letter:
			for i++; i < len(text) && kind(text[i]) == letter && !(isUpper(text[i]) && !isUpper(text[i-1])); i++ {
			}
			if begin > 0 && kind(text[begin-1]) == digit || i < len(text) && kind(text[i]) == digit {
				quarters += max(4, 3*(i-begin))
			} else {
				quarters += word(text[begin:i])
			}
		case digit:
			for i++; i < len(text) && kind(text[i]) == digit; i++ {
			}
			quarters += 4 * ((i - begin + 2) / 3)
		case space:
			for i++; i < len(text) && kind(text[i]) == space; i++ {
			}
			quarters += (i - begin - 1) // the last one belongs to the word after it
		case mark:
			for i++; i < len(text) && kind(text[i]) == mark; i++ {
			}
			quarters += 4 * ((i - begin + 2) / 3)
		default:
			r, n := utf8.DecodeRune(text[i:])
			i += n
			quarters += beyond(r)
		}
	}
	return quarters / 4
}

// The kinds of characters that tokens do not reach across.
const (
	letter = iota
	digit
	space
	mark
	other
)

func kind(c byte) int {
	switch {
	case c >= utf8.RuneSelf:
		return other
	case c >= '0' && c <= '9':
		return digit
	case isUpper(c) || c >= 'a' && c <= 'z':
		return letter
	case c == ' ' || c == '\n' || c == '\t' || c == '\r':
		return space
	}
	return mark
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

// word is what letters of one kind weigh, in quarters of a token: by the letter when they are too long for a word, or have no vowels as words do.
func word(letters []byte) int {
	vowels := 0
	for _, c := range letters {
		switch c | 0x20 {
		case 'a', 'e', 'i', 'o', 'u', 'y':
			vowels++
		}
	}
	n := len(letters)
	switch {
	case n <= 3:
		return 4
	case isUpper(letters[n-1]):
		return 3 * n
	case vowels*5 < n || vowels*5 > n*3:
		return 2 * n
	case n <= 8:
		return 5
	}
	return n - 3
}

// beyond is what a character beyond ASCII weighs, in quarters of a token.
func beyond(r rune) int {
	switch {
	case r < 0x0250: // Latin with marks: it breaks words
		return 4
	case r < 0x2000: // Greek, Cyrillic, Arabic, Devanagari
		return 2
	case r <= 0xFFFF: // signs; Chinese, Japanese, Korean
		return 4
	}
	return 8
}
