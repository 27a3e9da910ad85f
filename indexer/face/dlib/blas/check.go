package blas

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// checkProducts multiplies small matrices with the library and in plain Go, and says where they
// differ: some builds of OpenBLAS compute wrong results on some processors. The sizes are those
// at which kernels change their way: below, at and above their blocks, odd ones, and the depths of
// the network's first and widest layers. It takes about 20 ms.
func checkProducts(single product[float32], double product[float64]) error {
	random := rand.New(rand.NewPCG(2, 3))
	for _, size := range [][3]int{{1, 1, 1}, {3, 5, 7}, {16, 16, 16}, {17, 33, 65}, {64, 48, 256}, {97, 131, 61}, {128, 1, 256},
		{32, 49, 147}} {
		for trans := range 4 {
			if err := checkProduct(random, single, double, size, trans&1 != 0, trans&2 != 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// product is a function like multiply.
type product[F float32 | float64] func(transA, transB bool, m, n, k int, alpha F, a, b []F, beta F, c []F)

func checkProduct(random *rand.Rand, inSingle product[float32], inDouble product[float64], size [3]int, transA, transB bool) error {
	m, n, k := size[0], size[1], size[2]
	const alpha, beta = 1.25, -0.5
	a, a64 := numbers(random, m*k)
	b, b64 := numbers(random, k*n)
	c, c64 := numbers(random, m*n)
	want, absolute := productInGo(transA, transB, m, n, k, alpha, a64, b64, beta, c64)
	inSingle(transA, transB, m, n, k, alpha, a, b, beta, c)
	inDouble(transA, transB, m, n, k, alpha, a64, b64, beta, c64)
	for i := range want {
		// A sum of k rounded products is off by at most about k units in the last place of their absolute sum.
		single, double := math.Abs(float64(c[i])-want[i]), math.Abs(c64[i]-want[i])
		units := float64(k+2) * absolute[i]
		if !(single <= units*0x1p-23) || !(double <= units*0x1p-52) { // NaN is wrong too
			return fmt.Errorf("the product of %d x %d and %d x %d numbers is %g or %g where it should be %g", m, k, k, n, c[i], c64[i], want[i])
		}
	}
	return nil
}

func numbers(random *rand.Rand, n int) (single []float32, double []float64) {
	single, double = make([]float32, n), make([]float64, n)
	for i := range single {
		single[i] = float32(random.NormFloat64())
		double[i] = float64(single[i])
	}
	return single, double
}

// productInGo is multiply in plain Go, and the sum of the absolute values of what was added up.
func productInGo(transA, transB bool, m, n, k int, alpha float64, a, b []float64, beta float64, c []float64) (product, size []float64) {
	product, size = make([]float64, m*n), make([]float64, m*n)
	for y := range m {
		for x := range n {
			var sum, absolute float64
			for i := range k {
				p, q := y*k+i, i*n+x
				if transA {
					p = i*m + y
				}
				if transB {
					q = x*k + i
				}
				sum += a[p] * b[q]
				absolute += math.Abs(a[p] * b[q])
			}
			at := y*n + x
			product[at] = alpha*sum + beta*c[at]
			size[at] = math.Abs(alpha)*absolute + math.Abs(beta*c[at])
		}
	}
	return product, size
}
