package vfs

// pageBytes is how much of a file is copied by the smallest write to it.
const pageBytes = 4096

// sparse is the content of a file in memory. Pages never change once they are made, so that a copy of a
// content shares them, and a page that nobody wrote is not there and reads as zeros: a file of 64 MiB that
// is mostly reserved costs little, also in ten thousand crashes.
type sparse struct {
	size  int64
	pages []*[pageBytes]byte // page i holds the bytes from i*pageBytes on; nil, or missing at the end, is zeros
	// Invariant: what lies at and behind size is zeros.
}

// clone returns a content that changes apart from s.
func (s *sparse) clone() sparse {
	return sparse{size: s.size, pages: append([]*[pageBytes]byte(nil), s.pages...)}
}

// readAt fills p from offset, as far as there is content, and returns how much that was.
func (s *sparse) readAt(p []byte, offset int64) int {
	if offset >= s.size {
		return 0
	}
	p = p[:min(int64(len(p)), s.size-offset)]
	for done := 0; done < len(p); {
		page, within := locate(offset + int64(done))
		part := p[done:min(len(p), done+pageBytes-within)]
		if page < len(s.pages) && s.pages[page] != nil {
			copy(part, s.pages[page][within:])
		} else {
			clear(part)
		}
		done += len(part)
	}
	return len(p)
}

// writeAt puts p at offset and makes the content longer where that is needed.
func (s *sparse) writeAt(p []byte, offset int64) {
	s.size = max(s.size, offset+int64(len(p)))
	for done := 0; done < len(p); {
		page, within := locate(offset + int64(done))
		fresh := s.copyPage(page)
		done += copy(fresh[within:], p[done:])
	}
}

// resize sets the size; what is cut off is gone, and reads as zeros when the size grows again.
func (s *sparse) resize(size int64) {
	if size < s.size {
		page, within := locate(size)
		if within > 0 && page < len(s.pages) && s.pages[page] != nil {
			clear(s.copyPage(page)[within:])
			page++
		}
		s.pages = s.pages[:min(page, len(s.pages)):min(page, len(s.pages))]
	}
	s.size = size
}

// copyPage puts a copy of a page in its place and returns it.
func (s *sparse) copyPage(page int) *[pageBytes]byte {
	for page >= len(s.pages) {
		s.pages = append(s.pages, nil)
	}
	fresh := new([pageBytes]byte)
	if s.pages[page] != nil {
		*fresh = *s.pages[page]
	}
	s.pages[page] = fresh
	return fresh
}

func locate(offset int64) (page, within int) { return int(offset / pageBytes), int(offset % pageBytes) }
