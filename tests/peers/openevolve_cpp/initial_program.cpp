#include <iostream>

// EVOLVE-BLOCK-START
int main() {
    int n = 0;
    std::cin >> n;
    long long sum = 0;
    for (int i = 1; i < n; ++i) sum += i;  // one too few
    std::cout << sum << std::endl;
}
// EVOLVE-BLOCK-END
