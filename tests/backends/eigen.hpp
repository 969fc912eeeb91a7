#pragma once
// Eigen asks malloc for memory, not operator new, but can be told to report it: while it is not
// allowed to, each request is counted like an operator new. Every file of this executable that uses
// Eigen includes it by this header.

#include "support/counting_new.hpp"

#define EIGEN_RUNTIME_NO_MALLOC
#define eigen_assert(condition) \
    static_cast<void>(static_cast<bool>(condition) || (support::count_allocation(), true))
#include <Eigen/Core>
