require("http").createServer((_, answer) => answer.end(String(require("is-odd")(3)))).listen(process.env.PORT)
