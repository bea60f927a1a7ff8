"""The libraries that Synap's graph is measured beside, in a process of their own: a line of JSON asks, a line answers.

Everything here is done by one thread, and what is timed is one call of a library for many vectors, so that Python
itself costs next to nothing.
"""

import json
import os
import resource
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy  # noqa: E402


class Hnswlib:
    def __init__(self, vectors, m, ef):
        import hnswlib

        self.index = hnswlib.Index("cosine", vectors.shape[1])
        self.index.init_index(len(vectors), M=m, ef_construction=ef)
        self.index.set_num_threads(1)

    def add(self, vectors):
        self.index.add_items(vectors)

    def bytes(self):
        return self.index.index_file_size()

    def search(self, queries, k, ef):
        self.index.set_ef(ef)
        return self.index.knn_query(queries, k)[0]


class Usearch:
    dtype = "f32"

    def __init__(self, vectors, m, ef):
        from usearch.index import Index

        self.index = Index(ndim=vectors.shape[1], metric="cos", dtype=self.dtype, connectivity=m, expansion_add=ef)

    def add(self, vectors):
        self.index.add(numpy.arange(len(vectors)), vectors, threads=1)

    def bytes(self):
        return self.index.serialized_length

    def search(self, queries, k, ef):
        self.index.expansion_search = ef
        return self.index.search(queries, k, threads=1).keys


class UsearchBytes(Usearch):
    dtype = "i8"


class Faiss:
    def __init__(self, vectors, m, ef):
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = faiss.IndexHNSWFlat(vectors.shape[1], m)
        self.index.hnsw.efConstruction = ef

    def add(self, vectors):
        self.index.add(unit(vectors))

    def bytes(self):
        import faiss

        return len(faiss.serialize_index(self.index))

    def search(self, queries, k, ef):
        self.index.hnsw.efSearch = ef
        return self.index.search(queries, k)[1]


def unit(vectors):
    """Vectors of length 1 have one order by angle and by distance; faiss knows only the second."""
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


PEERS = {
    "hnswlib": ("hnswlib", Hnswlib),
    "usearch": ("usearch", Usearch),
    "usearch, int8": ("usearch", UsearchBytes),
    "faiss": ("faiss", Faiss),
}


class Timer:
    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), cpu()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu = time.perf_counter() - self.wall, cpu() - self.cpu


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Bench:
    def __init__(self):
        self.indexes = {}

    def load(self, file, dim, n, queries):
        every = numpy.fromfile(file, dtype="<f4").reshape(-1, dim)
        self.vectors, self.queries = every[:n].copy(), every[-queries:].copy()
        there, missing = {}, {}
        for name, (module, _) in PEERS.items():
            try:
                found = __import__(module)
                there[name] = str(getattr(found, "__version__", "") or version(module))
            except ImportError as why:
                missing[name] = str(why)
        return {"there": there, "missing": missing}

    def build(self, name, m, ef):
        index = PEERS[name][1](self.vectors, m, ef)
        with Timer() as took:
            index.add(self.vectors)
        self.indexes[name] = index
        return {"cpu": took.cpu, "wall": took.wall, "bytes": int(index.bytes())}

    def search(self, name, k, ef):
        with Timer() as took:
            found = self.indexes[name].search(self.queries, k, ef)
        return {"cpu": took.cpu, "wall": took.wall, "ids": numpy.asarray(found).astype(int).tolist()}


def version(module):
    from importlib import metadata

    return metadata.version(module)


def main():
    bench = Bench()
    for line in sys.stdin:
        asked = json.loads(line)
        answer = getattr(bench, asked.pop("do"))(**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
