// Where a drawing's parts, arrows and numbers stand: the same rules as the server's diagram.py, so that both draw alike.
const [CELL_X, CELL_Y, BOX_X, BOX_Y, MARGIN, ROWS, COLUMNS, LANE] = [208, 104, 152, 44, 24, 4, 4, 8];
const ALONG = [0.5, 0.36, 0.64, 0.22, 0.78];
const APART = { across: 11, down: 26, slanted: 12 };

const short = (number) => Math.round(number * 10) / 10;
const path = (points) => `M${points.map(([x, y]) => `${short(x)} ${short(y)}`).join("L")}`;
const length = ([ax, ay], [bx, by]) => Math.hypot(bx - ax, by - ay);
export const corner = ([column, row]) => [MARGIN + column * CELL_X, MARGIN + row * CELL_Y];
const centre = (cell) => [corner(cell)[0] + BOX_X / 2, corner(cell)[1] + BOX_Y / 2];
const same = (one, other) => one[0] === other[0] && one[1] === other[1];

// Node id to cell: the first of a kind at home, further ones in the next free cell below.
function cellsOf(nodes, homes) {
  const cells = new Map();
  const taken = (cell) => [...cells.values()].some((other) => same(cell, other));
  const later = [];
  for (const { id, kind } of nodes) {
    const home = homes.get(kind);
    if (home && !taken([home.col, home.row])) cells.set(id, [home.col, home.row]);
    else later.push([id, home]);
  }
  for (const [id, home] of later) {
    const cell = home ? [home.col, home.row] : [0, ROWS];
    while (taken(cell)) cell[1] += 1;
    cells.set(id, cell);
  }
  return cells;
}

function straight(start, end, sharing) {
  let [[ax, ay], [bx, by]] = [centre(start), centre(end)];
  const columns = Math.sign(end[0] - start[0]);
  const rows = Math.sign(end[1] - start[1]);
  [ax, bx] = [ax + (columns * BOX_X) / 2, bx - (columns * BOX_X) / 2];
  [ay, by] = [ay + (rows * BOX_Y) / 2, by - (rows * BOX_Y) / 2];
  if (!sharing) return [[ax, ay], [bx, by]];
  const apart = APART[columns && rows ? "slanted" : columns ? "across" : "down"];
  const far = Math.hypot(bx - ax, by - ay);
  const [x, y] = [((by - ay) / far) * apart, (-(bx - ax) / far) * apart];
  return [[ax + x, ay + y], [bx + x, by + y]];
}

function blocked(start, end, [[ax, ay], [bx, by]], taken) {
  return taken.some((cell) => {
    if (same(cell, start) || same(cell, end)) return false;
    const [x, y] = centre(cell);
    for (let step = 1; step < 40; step += 1) {
      const [px, py] = [ax + ((bx - ax) * step) / 40, ay + ((by - ay) * step) / 40];
      if (Math.abs(px - x) < BOX_X / 2 + 4 && Math.abs(py - y) < BOX_Y / 2 + 4) return true;
    }
    return false;
  });
}

function around(start, end, lane) {
  const [[ax, ay], [bx, by]] = [centre(start), centre(end)];
  const shift = ((lane % 5) - 2) * LANE;
  const side = end[0] > start[0] || (end[0] === start[0] && start[0] < COLUMNS - 1) ? 1 : -1;
  const x = ax + (side * CELL_X) / 2 + shift;
  const down = end[1] <= start[1] ? 1 : -1;
  const y = by + (down * CELL_Y) / 2 + shift;
  const [leave, arrive] = [ay + shift * 0.9, bx + shift * 3];
  return [[ax + (side * BOX_X) / 2, leave], [x, leave], [x, y], [arrive, y], [arrive, by + (down * BOX_Y) / 2]];
}

function shape(points, numbers) {
  const [first, second] = points;
  const [before, last] = points.slice(-2);
  const [out, into] = [length(first, second), length(before, last)];
  const begin = [first[0] + ((second[0] - first[0]) / out) * 2, first[1] + ((second[1] - first[1]) / out) * 2];
  const [ux, uy] = [(last[0] - before[0]) / into, (last[1] - before[1]) / into];
  const point = [last[0] - ux * 3, last[1] - uy * 3];
  const base = [point[0] - ux * 9, point[1] - uy * 9];
  const [wide, high] = [uy * 5, ux * 5];
  const line = [begin, ...points.slice(1, -1), base];
  const tip = `${path([point, [base[0] - wide, base[1] + high], [base[0] + wide, base[1] - high]])}Z`;
  return { line: path(line), tip, at: place(line, numbers) };
}

// On the longest stretch, at its middle or as near to it as leaves the numbers before it readable.
function place(line, numbers) {
  let longest = [line[0], line[1]];
  for (let at = 1; at + 1 < line.length; at += 1) {
    if (length(line[at], line[at + 1]) > length(...longest)) longest = [line[at], line[at + 1]];
  }
  const [[ax, ay], [bx, by]] = longest;
  const places = ALONG.map((share) => [short(ax + (bx - ax) * share), short(ay + (by - ay) * share)]);
  const free = ([px, py]) => numbers.every(([x, y]) => Math.abs(px - x) >= 27 || Math.abs(py - y) >= 21);
  const found = places.find(free) || places[0];
  numbers.push(found);
  return found;
}

// Everything the picture of a drawing holds.
export function picture({ nodes, edges }, palette) {
  const homes = new Map(palette.map((part) => [part.kind, part]));
  const cells = cellsOf(nodes, homes);
  const taken = [...cells.values()];
  const rows = Math.max(ROWS, ...taken.map(([, row]) => row + 1));
  const columns = Math.max(COLUMNS, ...taken.map(([column]) => column + 1));
  const numbers = [];
  const joins = (edge, other) => [edge.from, edge.to].sort().join() === [other.from, other.to].sort().join();
  const arrows = edges.map((edge, lane) => {
    const [start, end] = [cells.get(edge.from), cells.get(edge.to)];
    const direct = straight(start, end, edges.filter((other) => joins(edge, other)).length > 1);
    const way = blocked(start, end, direct, taken) ? around(start, end, lane) : direct;
    return { edge, number: lane + 1, ...shape(way, numbers) };
  });
  const empty = palette.filter((part) => part.row < rows && !taken.some((cell) => same(cell, [part.col, part.row])));
  return {
    width: 2 * MARGIN + (columns - 1) * CELL_X + BOX_X,
    height: 2 * MARGIN + (rows - 1) * CELL_Y + BOX_Y,
    cells,
    homes,
    arrows,
    empty: empty.map((part) => corner([part.col, part.row])),
  };
}
