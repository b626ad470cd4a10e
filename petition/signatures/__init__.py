"""The heart: somebody signs (`sign`), follows the link (`confirm`), is counted and listed, and may withdraw."""
