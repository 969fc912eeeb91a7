#include <diffusion/version.hpp>

int main() { return diffusion::version.minor_number >= 1 ? 0 : 1; }
