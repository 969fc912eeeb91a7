#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>
#include <vector>

namespace examples {

/// The mean power spectrum of square pictures: entry (g, f) is the energy of the wave with g
/// periods down and f periods across. Each picture fades to black at its border (a Hann window), so
/// that the jump from one border to the opposite one does not count as content.
struct spectrum {
    std::size_t size;
    std::vector<double> energy;

    /// `pictures`: size x size pixels each, values in [-1, 1], -1 is black.
    spectrum(std::span<const float> pictures, std::size_t side)
        : size(side), energy(side * side, 0.0) {
        const std::size_t n = size, count = pictures.size() / (n * n);
        std::vector<std::complex<double>> wave(n), rows(n * n);
        std::vector<double> window(n);
        for (std::size_t i = 0; i < n; ++i) {
            const double turn = std::numbers::pi / double(n);
            wave[i] = std::polar(1.0, -2 * turn * double(i));
            window[i] = std::pow(std::sin(turn * (double(i) + 0.5)), 2);
        }
        for (std::size_t k = 0; k < count; ++k) {
            const float* picture = pictures.data() + k * n * n;
            for (std::size_t y = 0; y < n; ++y)
                for (std::size_t f = 0; f < n; ++f) {
                    std::complex<double> sum;
                    for (std::size_t x = 0; x < n; ++x)
                        sum += window[x] * (double(picture[y * n + x]) + 1) * wave[x * f % n];
                    rows[y * n + f] = window[y] * sum;
                }
            for (std::size_t g = 0; g < n; ++g)
                for (std::size_t f = 0; f < n; ++f) {
                    std::complex<double> sum;
                    for (std::size_t y = 0; y < n; ++y) sum += rows[y * n + f] * wave[y * g % n];
                    energy[g * n + f] += std::norm(sum) / double(count);
                }
        }
    }

    /// The energy of the patterns that repeat every two pixels: at half the sampling frequency
    /// across, down, and both.
    double at_half() const {
        const std::size_t h = size / 2;
        return energy[h] + energy[h * size] + energy[h * size + h];
    }

    /// What their surroundings would lead one to expect there: three times the mean over the waves
    /// that are three or four periods away (the window spreads a wave over one more).
    double around_half() const {
        const std::size_t h = size / 2;
        double sum = 0;
        std::size_t count = 0;
        for (const std::size_t centre : {h, h * size, h * size + h})
            for (std::size_t dy = 0; dy <= 8; ++dy)
                for (std::size_t dx = 0; dx <= 8; ++dx) {
                    if (dx > 1 && dx < 7 && dy > 1 && dy < 7) continue;  // two away or less
                    const std::size_t g = (centre / size + dy + size - 4) % size;
                    const std::size_t f = (centre % size + dx + size - 4) % size;
                    sum += energy[g * size + f];
                    ++count;
                }
        return 3 * sum / double(count);
    }

    /// As a grey picture: slow waves in the middle, half the sampling frequency at the left and
    /// upper edge; from black at `low` to white at `high`, in logarithms.
    std::vector<float> picture(double low, double high) const {
        std::vector<float> shades;
        for (std::size_t i = 0; i < size * size; ++i) {
            const std::size_t g = (i / size + size / 2) % size, f = (i + size / 2) % size;
            const double part = std::log(std::max(energy[g * size + f], low) / low);
            shades.push_back(float(2 * std::min(part / std::log(high / low), 1.0) - 1));
        }
        return shades;
    }
};

}  // namespace examples
