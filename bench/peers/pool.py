"""Peer: Python's ProcessPoolExecutor over the same segments. The job's arithmetic is left out (the hash is zlib's crc32, in C), so that the
pool is measured and not Python's loops.   usage: pool.py INPUT COUNT PROCESSES; prints jobs per second"""
import concurrent.futures
import sys
import time
import zlib

SEGMENT = 4096


def job(index):
    INPUT.seek(index * SEGMENT)
    return zlib.crc32(INPUT.read(SEGMENT))


def open_input(path):
    global INPUT
    INPUT = open(path, "rb")


if __name__ == "__main__":
    path, count, processes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    start = time.perf_counter()
    with concurrent.futures.ProcessPoolExecutor(processes, initializer=open_input, initargs=(path,)) as pool:
        results = list(pool.map(job, range(count), chunksize=1))
    assert len(results) == count
    print(count / (time.perf_counter() - start))
