// Package onnxtest writes small ONNX models by their wire format (onnx.proto of opset 13), so that tests need
// no weights of anybody's.
package onnxtest

import (
	"google.golang.org/protobuf/encoding/protowire"
)

type message []byte

func (m message) bytes(field protowire.Number, v []byte) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), v)
}

func (m message) text(field protowire.Number, v string) message { return m.bytes(field, []byte(v)) }

func (m message) number(field protowire.Number, v int64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), uint64(v))
}

// node is a NodeProto.
func node(op string, inputs []string, output string, attributes ...message) message {
	var m message
	for _, in := range inputs {
		m = m.text(1, in)
	}
	m = m.text(2, output).text(4, op)
	for _, a := range attributes {
		m = m.bytes(5, a)
	}
	return m
}

// integers is an AttributeProto of several numbers.
func integers(name string, values ...int64) message {
	m := message(nil).text(1, name)
	for _, v := range values {
		m = m.number(8, v)
	}
	return m.number(20, 7)
}

// value is a ValueInfoProto of floats with a shape.
func value(name string, shape ...int64) message {
	var dims message
	for _, n := range shape {
		dims = dims.bytes(1, message(nil).number(1, n))
	}
	return message(nil).text(1, name).bytes(2, message(nil).bytes(1, message(nil).number(1, 1).bytes(2, dims)))
}

// modelOf is a ModelProto over an input of side pixels and an output of length numbers.
func modelOf(side, length int64, nodes ...message) []byte {
	var graph message
	for _, n := range nodes {
		graph = graph.bytes(1, n)
	}
	graph = graph.text(2, "g").bytes(11, value("face", 1, 3, side, side)).bytes(12, value("embedding", 1, length))
	return message(nil).number(1, 8).bytes(7, graph).bytes(8, message(nil).text(1, "").number(2, 13))
}

// Averages averages a picture of side x side pixels over squares of so many pixels, and the averages are the
// embedding, 3 * (side/square)² numbers. It knows no people, but is nearer to itself than to others, whatever the machine.
func Averages(side, square int64) []byte {
	return modelOf(side, 3*(side/square)*(side/square),
		node("AveragePool", []string{"face"}, "pooled", integers("kernel_shape", square, square), integers("strides", square, square)),
		node("Flatten", []string{"pooled"}, "embedding"))
}

// NotNumbers has the shape of Averages, and is zero by zero throughout.
func NotNumbers(side, square int64) []byte {
	return modelOf(side, 3*(side/square)*(side/square),
		node("AveragePool", []string{"face"}, "pooled", integers("kernel_shape", square, square), integers("strides", square, square)),
		node("Flatten", []string{"pooled"}, "flat"),
		node("Sub", []string{"flat", "flat"}, "zero"),
		node("Div", []string{"zero", "zero"}, "embedding"))
}
