"""Hashes of a tree in tiles against the definition of RFC 6962, for sizes around the borders of tiles."""

import random

import pytest

from petition.count_log.merkle import TileHashes, hash_leaf, list_needed_tiles, root_of, verify_inclusion


def build(size):
    leaves = [hash_leaf(str(number).encode()) for number in range(size)]
    levels, current = {0: dict(enumerate(leaves))}, leaves
    while len(current) >= 256:
        current = [root_of(current[n * 256 : (n + 1) * 256]) for n in range(len(current) // 256)]
        levels[len(levels)] = dict(enumerate(current))
    return leaves, levels


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
