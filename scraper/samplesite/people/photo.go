package people

import (
	"lineup/scraper/samplesite/faces"

	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
)

// Bytes gives the bytes of a picture of the registry.
func (p Photo) Bytes() ([]byte, error) {
	data, err := faces.Files.ReadFile(p.File)
	if err != nil {
		return nil, fmt.Errorf("sample photo: %w", err)
	}
	if p.Tag == 0 {
		return data, nil
	}
	if p.Framed {
		return framed(data, p.Tag)
	}
	// A COM segment right after SOI: other bytes, the same picture.
	note := fmt.Sprintf("sample registrant %d", p.Tag)
	out := append([]byte{0xff, 0xd8, 0xff, 0xfe, 0, byte(len(note) + 2)}, note...)
	return append(out, data[2:]...), nil
}

// framed draws a frame of grey blocks around a photo, others for each tag. Only the forty faces
// of the sample exist, and a picture that many people share is a placeholder to whoever looks
// at what it shows: with a frame each of any number of people has a picture nobody else has.
func framed(photo []byte, tag int) ([]byte, error) {
	decoded, err := jpeg.Decode(bytes.NewReader(photo))
	if err != nil {
		return nil, fmt.Errorf("frame a sample photo: %w", err)
	}
	const across, down = 9, 8
	inner := decoded.Bounds()
	w, h := inner.Dx()/(across-2), inner.Dy()/(down-2)
	img := image.NewRGBA(image.Rect(0, 0, across*w, down*h))
	random := rand.New(rand.NewPCG(uint64(tag), 0))
	for y := range down {
		for x := range across {
			block := image.Rect(x*w, y*h, (x+1)*w, (y+1)*h)
			draw.Draw(img, block, image.NewUniform(color.Gray{Y: uint8(40 + random.IntN(176))}), image.Point{}, draw.Src)
		}
	}
	draw.Draw(img, image.Rect(w, h, (across-1)*w, (down-1)*h), decoded, inner.Min, draw.Src)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 85}); err != nil {
		return nil, fmt.Errorf("frame a sample photo: %w", err)
	}
	return out.Bytes(), nil
}
