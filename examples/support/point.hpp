#pragma once

namespace examples {

/// A place in the plane; on pictures x runs to the right and y downwards, in pixels.
struct point {
    double x = 0;
    double y = 0;
};

}  // namespace examples
