package schemas

import "math"

// Model describes an embedder's output: everything the rest of the program needs to know about
// embeddings. Embeddings of different models are never compared.
type Model struct {
	ID          string       `json:"id"`          // names weights, preprocessing and averaging: "dlib-resnet-v1/hog"
	Dimensions  int          `json:"dimensions"`  // length of an embedding
	Metric      string       `json:"metric"`      // Euclidean, so far
	MaxDistance float64      `json:"maxDistance"` // no neighbour beyond is ever returned
	FalseMatch  []CurvePoint `json:"falseMatch"`  // false-match rate by distance over strangers, increasing
}

// Euclidean is the metric whose distance is the square root of the summed squares.
const Euclidean = "euclidean"

// Distance is the distance of two embeddings of the model in its metric, or NaN when they are
// not of one length or the metric is not known.
func (m Model) Distance(a, b []float32) float64 {
	if m.Metric != Euclidean || len(a) != len(b) {
		return math.NaN()
	}
	var sum float64
	for i := range a {
		d := float64(a[i] - b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// CurvePoint says which share of pairs of strangers are at Distance or nearer.
type CurvePoint struct {
	Distance float64 `json:"distance"`
	Rate     float64 `json:"rate"`
}

// Face is one enrolled face: of one photo of one registrant.
type Face struct {
	ID         UUID      `json:"id"`
	Registrant UUID      `json:"registrant"`
	Photo      Digest    `json:"photo"`
	Box        Box       `json:"box"`
	Quality    Quality   `json:"quality"`
	Embedding  []float32 `json:"-"`
}

// Box is a rectangle in pixels of the upright photo, Left and Top inside, Right and Bottom outside.
type Box struct {
	Left   int `json:"left"`
	Top    int `json:"top"`
	Right  int `json:"right"`
	Bottom int `json:"bottom"`
}

// Area is the number of pixels inside b.
func (b Box) Area() int { return max(b.Right-b.Left, 0) * max(b.Bottom-b.Top, 0) }

// Quality is what was measured of a face. Numbers are of the upright photo as the source sent
// it, before scaling.
type Quality struct {
	FacePixels int      `json:"facePixels"` // shorter side of the face box
	Sharpness  float64  `json:"sharpness"`  // 0..100, higher is sharper
	Brightness float64  `json:"brightness"` // 0..100, mean luminance of the face
	Yaw        float64  `json:"yaw"`        // degrees, estimated from the landmarks, 0 is frontal
	Roll       float64  `json:"roll"`       // degrees
	Score      float64  `json:"score"`      // 0..100 overall, higher is better
	Step       string   `json:"step"`       // which step of the detection cascade found the face
	Warnings   []string `json:"warnings,omitempty"`
}
