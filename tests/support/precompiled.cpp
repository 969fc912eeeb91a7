// The source that <support/precompiled.hpp> is compiled with, once for every way to optimise.
