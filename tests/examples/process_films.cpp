#include "../../examples/support/process_films.hpp"

#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <diffusion/sampler/observer.hpp>
#include <diffusion/schedule/beta.hpp>
#include <diffusion/schedule/discrete.hpp>

namespace {

// A run of n steps on two 8 x 8 pictures; the state and the estimate are constant grey values.
examples::reverse_film watched(std::size_t n, float state, float estimate) {
    using pictures = std::vector<float>;
    examples::reverse_film film(n, 2, 64);
    const pictures x(128, state), x0(128, estimate);
    film.start(x, 999);
    for (std::size_t i = 0; i < n; ++i) {
        diffusion::node t{};
        t.t = double(n - i) - 2;
        film.see(diffusion::step_view<pictures>{i, n, t, x, x0});
    }
    return film;
}

}  // namespace

TEST_CASE("a reverse film has at most ten frames and the result, two rows for each picture") {
    const auto few = watched(3, -1, 1).page(8, 8), many = watched(50, -1, 1).page(8, 8);
    const std::size_t frame = 8 * 8 + 4;  // a picture in eightfold size, and the gap
    CHECK(many.width() - few.width() == (11 - 4) * frame);
    CHECK(many.height() == few.height());
    CHECK(many.height() > 4 * frame);
    CHECK(many.height() < 5 * frame);
}

TEST_CASE("a reverse film shows the state above the estimate that was made from it") {
    const auto page = watched(10, -1, 1).page(8, 8);
    const std::size_t frame = 8 * 8 + 4, left = page.width() - frame, top = page.height();
    const std::size_t next_to_last = left - frame + 30;
    CHECK(page.at(next_to_last, top - 2 * frame + 30).red == 0);
    CHECK(page.at(next_to_last, top - frame + 30).red == 255);
    CHECK(page.at(left + 30, top - frame + 30).red == 0);  // at the end the two are the same
}

TEST_CASE("a forward film begins with the data and ends in noise that knows nothing of them") {
    const diffusion::discrete_schedule<diffusion::cosine_beta> schedule;
    const auto film = [&](float grey) {
        examples::labelled_images data{1, 8, 8, std::vector<float>(64, grey), {0}};
        return examples::forward_film(schedule, data);
    };
    const auto dark = film(-1), bright = film(1);
    const std::size_t frame = 8 * 8 + 4, row = dark.height() - frame;
    for (std::size_t pixel = 4; pixel < 64; pixel += 8) {
        CHECK(dark.at(4 + pixel, row + pixel).red == 0);
        CHECK(bright.at(4 + pixel, row + pixel).red == 255);
        const std::size_t last = 4 + 11 * frame + pixel;
        CHECK(dark.at(last, row + pixel) == bright.at(last, row + pixel));
    }
}
