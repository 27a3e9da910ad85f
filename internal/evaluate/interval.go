package evaluate

import "math"

// Interval is the lower and upper end of a 95 % confidence interval of a share.
type Interval [2]float64

// wilson is the score interval of Wilson (Journal of the American Statistical Association 1927)
// for n of so many searches, which stays sensible near 0 and 1, where these shares are. The draws
// of one album search with the same photos again and again, so they count as one draw's searches:
// more draws must not narrow the interval. Photos of one person are taken as independent; with
// many photos of few people the truth is wider.
func wilson(n, of int) Interval {
	if of == 0 {
		return Interval{0, 1}
	}
	const z = 1.959964 // 97.5 % of a normal distribution
	p, trials := float64(n)/float64(of), float64(of)/Draws
	middle := (p + z*z/(2*trials)) / (1 + z*z/trials)
	half := z / (1 + z*z/trials) * math.Sqrt(p*(1-p)/trials+z*z/(4*trials*trials))
	return Interval{max(0, middle-half), min(1, middle+half)}
}

// wilsonOnce is wilson for searches that were made once and not in Draws.
func wilsonOnce(n, of int) Interval { return wilson(n*Draws, of*Draws) }

// Draws is how often enrolled photos are drawn anew.
const Draws = 5

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// chance is the share of searches that see at least one false match when so many are
// expected: strangers come independently (Poisson).
func chance(expected float64) float64 { return -math.Expm1(-expected) }
