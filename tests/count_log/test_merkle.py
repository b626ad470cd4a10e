"""Hashes of a tree in tiles against the definition of RFC 6962, for sizes around the borders of tiles."""

import random

import pytest

from petition.count_log.merkle import TileHashes, hash_children, hash_leaf, list_needed_tiles, root_of


def build(size):
    leaves = [hash_leaf(str(number).encode()) for number in range(size)]
    levels, current = {0: dict(enumerate(leaves))}, leaves
    while len(current) >= 256:
        current = [root_of(current[n * 256 : (n + 1) * 256]) for n in range(len(current) // 256)]
        levels[len(levels)] = dict(enumerate(current))
    return leaves, levels


def verify_inclusion(leaf_hash, index, size, path, root):
    """Return whether an audit path leads from a leaf to a root (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = hash_children(sibling, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = hash_children(found, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 255, 256, 257, 300, 511, 512, 513, 1000, 65535, 65536, 65537])
def test_root_and_proofs_come_from_few_tiles(size):
    leaves, levels = build(size)
    root = root_of(leaves)
    for index in {0, size - 1, size // 2, random.Random(size).randrange(size)}:
        needed = list_needed_tiles(size, index)
        held = {
            level: {n: value for n, value in levels.get(level, {}).items() if n // 256 in tiles}
            for level, tiles in needed.items()
        }
        assert sum(map(len, held.values())) <= 512 * len(held)
        tree = TileHashes(size, held)
        assert tree.root() == root
        path = tree.prove(index)
        assert verify_inclusion(leaves[index], index, size, path, root)
        assert not verify_inclusion(hash_leaf(b"another"), index, size, path, root)
        assert not verify_inclusion(leaves[index], index, size, [*path, root], root)


def test_an_empty_tree_has_the_hash_of_nothing():
    assert TileHashes(0, {}).root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
