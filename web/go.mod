// A module of its own, so that Go packages inside node_modules are not taken for ours.
module tidegate/web

go 1.26
