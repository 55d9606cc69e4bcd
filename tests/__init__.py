"""Tests of both packages. A package, since a library that they use installs one so named."""
