// A policy of memgym in JavaScript, without packages: node keep_last.js [PORT]
// It keeps the last sentence that mentions the thing asked for, and answers with its last word.
const http = require("http");

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const block = (observation, tag) => {
  const found = observation.match(new RegExp(`<${tag}(?: [^>]*)?>([^]*?)</${tag}>`));
  return found ? unescape(found[1]) : "";
};

function act(observation) {
  const thing = (block(observation, "question").match(/the (\w+)/) || ["", ""])[1];
  const memory = block(observation, "memory");
  if (block(observation, "phase") === "answer") return (memory.match(/(\w+)\W*$/) || ["", "unknown"])[1];
  const lines = block(observation, "section").split("\n").filter((line) => line.split(/\W+/).includes(thing));
  return lines.length ? lines[lines.length - 1] : memory;
}

const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    const reply =
      request.method === "GET" ? { name: "keep_last.js" } : { actions: JSON.parse(body).observations.map(act) };
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify(reply));
  });
});
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => console.log(server.address().port));
