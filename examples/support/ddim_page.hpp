#pragma once

#include "canvas.hpp"
#include "ddim_cells.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <span>
#include <string>

namespace examples {

/// In the paper's layout, and what it has there; behind each row how much worse 10 steps are than
/// all of them.
inline void print_cells(const ddim_cells& cells, bool quadratic) {
    std::printf("%-9s S = ", cells.name.c_str());
    for (const std::size_t S : cells.steps) std::printf("%9zu", S);
    std::printf("   10/%-4zu | paper, %s:    10      20      50     100    1000   10/1000\n",
                cells.steps[4], quadratic ? "CIFAR10" : "CelebA ");
    for (std::size_t r = 0; r < 5; ++r) {
        const double* paper = quadratic ? ddim_rows[r].cifar10 : ddim_rows[r].celeba;
        std::printf("%9s     ", ddim_rows[r].name);
        for (const ddim_distance& d : cells.distance[r]) std::printf("%9.2f", d.value);
        std::printf("%8.1f   |           ",
                    cells.distance[r][0].value / cells.distance[r][4].value);
        for (std::size_t k = 0; k < 5; ++k) std::printf("%8.2f", paper[k]);
        std::printf("%10.1f\n", paper[0] / paper[4]);
    }
}

/// What the paper's table shows, and whether this one does.
inline void print_trends(const ddim_cells& cells, bool quadratic) {
    std::size_t better = 0, alike = 0, best = 0;
    for (std::size_t r = 0; r < 5; ++r) {
        if (cells.distance[r][0].value < cells.distance[best][0].value) best = r;
        for (std::size_t k = 0; k < 4; ++k) {
            const int verdict = compare(cells.distance[r][k + 1], cells.distance[r][k]);
            better += verdict < 0;
            alike += verdict == 0;
        }
    }
    const char* name = cells.name.c_str();
    std::printf(
        "%s: of 20 neighbours in a row the one with more steps is better in %zu, as good within "
        "two standard errors in %zu, worse in %zu (paper: better in 20)\n",
        name, better, alike, 20 - better - alike);
    const ddim_distance &least = cells.distance[0][0], &most = cells.distance[4][0];
    std::string worse;
    for (std::size_t r = 1; r < 5; ++r)
        if (compare(least, cells.distance[r][0]) < 0)
            worse += (worse.empty() ? "" : ", ") + std::string(ddim_rows[r].name);
    const auto paper = [&](std::size_t r) {
        return quadratic ? ddim_rows[r].cifar10[0] : ddim_rows[r].celeba[0];
    };
    std::printf(
        "%s: with 10 steps eta 0.0 is better than %s; sigma^ is %.1f times as far (paper: better "
        "than all, %.1f)\n",
        name, worse.empty() ? "none" : worse.c_str(), most.value / least.value,
        paper(4) / paper(0));
    if (compare(cells.distance[best][0], least) < 0)
        std::printf(
            "%s: falls short: with 10 steps %s is best, in the paper eta 0.0; a network of minutes "
            "errs more than few steps do, and noise repairs that\n",
            name, ddim_rows[best].name);
}

/// Three digits and the distance in each cell; the worse, the darker.
inline canvas draw_cells(std::span<const ddim_cells> halves, std::size_t side) {
    constexpr double left = 90, top = 58, gap = 8;
    const std::size_t zoom = 48 / side;
    const double width = 3 * 48 + 4 * gap, height = 48 + 3 * gap + 12, half = 5 * height + top + 14;
    canvas page(std::size_t(left + 5 * width + gap), std::size_t(half * double(halves.size())));
    constexpr double low = 0.02;  // nobody sees less
    double high = 2 * low;
    for (const ddim_cells& cells : halves)
        for (const auto& row : cells.distance)
            for (const auto& d : row) high = std::max(high, d.value);
    for (std::size_t h = 0; h < halves.size(); ++h) {
        const double y = half * double(h);
        page.text({left, y + 10}, "Frechet distance, " + halves[h].name + " sub-sequence", black,
                  2);
        for (std::size_t k = 0; k < 5; ++k)
            page.text({left + width * (double(k) + 0.5), y + top - 16},
                      "S = " + std::to_string(halves[h].steps[k]), black, 1, align::centre);
        for (std::size_t r = 0; r < 5; ++r) {
            const double row_y = y + top + height * double(r);
            page.text({left - 10, row_y + 0.5 * height - 4}, ddim_rows[r].name, black, 1,
                      align::right);
            for (std::size_t k = 0; k < 5; ++k) {
                const double d = halves[h].distance[r][k].value;
                const point corner{left + width * double(k), row_y};
                page.fill(corner, {corner.x + width - 3, corner.y + height - 3},
                          mix({250, 244, 236}, orange,
                              std::log(std::max(d, low) / low) / std::log(high / low)));
                for (std::size_t i = 0; i < 3; ++i)
                    page.picture({corner.x + gap + double(i) * (48 + gap), corner.y + gap},
                                 std::span<const float>(halves[h].some[r][k])
                                     .subspan(i * side * side, side * side),
                                 side, zoom);
                char number[32];
                std::snprintf(number, sizeof number, "%.2f", d);
                page.text({corner.x + 0.5 * width, corner.y + 48 + 2 * gap - 1}, number, black, 1,
                          align::centre);
            }
        }
    }
    return page;
}

}  // namespace examples
