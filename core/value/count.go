package value

// AfterJSON returns where the JSON value ends that begins at or after a place, of text that is known to nest not too deep; the text's end if it
// does not end. It looks for quotes, brackets and braces, and at nothing else.
func AfterJSON(text []byte, at int) int {
	for depth := 0; at < len(text); {
		switch c := text[at]; c {
		case '"':
			at = afterString(text, at)
			if depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return len(text)
}

// afterString returns where the string ends that begins at the quote.
func afterString(text []byte, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(text)
}

// Elements returns how many elements the JSON array has that the text begins with; when they are more than most, at least one more than that.
func Elements(text []byte, most int) (n int) {
	for at := 1; at < len(text); {
		switch c := text[at]; {
		case c == ']':
			return n
		case c <= ' ' || c == ',':
			at++
			continue
		}
		if n++; n > most {
			return n
		}
		at = afterElement(text, at)
	}
	return n
}

// afterElement returns where the comma or the bracket is that follows an element.
func afterElement(text []byte, at int) int {
	switch text[at] {
	case '"', '{', '[':
		return AfterJSON(text, at)
	}
	for at < len(text) && text[at] != ',' && text[at] != ']' && text[at] != '}' {
		at++
	}
	return at
}
