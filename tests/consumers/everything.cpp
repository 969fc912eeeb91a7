#include <Eigen/Core>
#include <diffusion/version.hpp>

int main() { return Eigen::VectorXd::Zero(3).sum() == 0 ? 0 : 1; }
