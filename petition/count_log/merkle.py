"""Hashes of a Merkle tree in tiles of 256 (RFC 6962, section 2.1; C2SP tlog-tiles).

Level 0 of the tiles are the leaf hashes; a hash of level n is the root of a full tile of level n - 1, so of 256**n
leaves. `TileHashes` answers for any part of the tree from the tiles that it was given.
"""

import hashlib
from collections.abc import Mapping, Sequence

TILE_WIDTH = 256
TILE_HEIGHT = 8


def hash_leaf(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def hash_children(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root of the tree over some hashes, that of an empty one too."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hash_children(root_of(hashes[:split]), root_of(hashes[split:]))


def list_needed_tiles(size: int, index: int | None = None) -> dict[int, set[int]]:
    """Return the numbers of the tiles at each level that the root of a tree needs, and a proof for one of its leaves.

    These are the last tile of each level and, for a proof, the tile that the leaf is below.
    """
    needed: dict[int, set[int]] = {}
    level = 0
    while size >> (TILE_HEIGHT * level):
        width = size >> (TILE_HEIGHT * level)
        needed[level] = {(width - 1) // TILE_WIDTH}
        if index is not None:
            needed[level].add((index >> (TILE_HEIGHT * level)) // TILE_WIDTH)
        level += 1
    return needed


class TileHashes:
    """The hashes of some tiles of a tree: `hashes[level][number]` is the hash at a position of a level."""

    def __init__(self, size: int, hashes: Mapping[int, Mapping[int, bytes]]) -> None:
        self.size, self.hashes = size, hashes

    def root(self) -> bytes:
        """Return the root of the tree."""
        return self._root_of_range(0, self.size) if self.size else root_of([])

    def prove(self, index: int) -> list[bytes]:
        """Return the audit path of a leaf, from the leaf to the root (RFC 6962, section 2.1.1)."""
        return self._path(index, 0, self.size)

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            return [*self._path(index, start, middle), self._root_of_range(middle, end)]
        return [*self._path(index, middle, end), self._root_of_range(start, middle)]

    def _root_of_range(self, start: int, end: int) -> bytes:
        """Return the root of the leaves from a start, a multiple of the power of two that is at least the width."""
        width = end - start
        if width & (width - 1) == 0:
            return self._perfect(start, width.bit_length() - 1)
        middle = start + (1 << (width - 1).bit_length() - 1)
        return hash_children(self._root_of_range(start, middle), self._root_of_range(middle, end))

    def _perfect(self, start: int, height: int) -> bytes:
        """Return the root of the 2**height leaves from a start: from the hashes of the tiles below."""
        level, rest = divmod(height, TILE_HEIGHT)
        first = start >> (TILE_HEIGHT * level)
        level_hashes = self.hashes.get(level, {})
        return root_of([level_hashes[number] for number in range(first, first + (1 << rest))])
