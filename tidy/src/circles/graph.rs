//! Circles of a directed graph.

use std::collections::VecDeque;

/// For each group of nodes that all reach each other, one shortest circle in it, which starts at
/// the least node of the circle. `edges[a]` holds every `b` that `a` leads to.
pub fn circles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    let mut done = vec![false; edges.len()];
    for start in 0..edges.len() {
        if done[start] {
            continue;
        }
        let forward = reached(edges, start);
        let group: Vec<usize> =
            (0..edges.len()).filter(|&n| forward[n] && reached(edges, n)[start]).collect();
        if let Some(shortest) =
            group.iter().filter_map(|&n| circle_at(edges, n)).min_by_key(Vec::len)
        {
            found.push(shortest);
        }
        for node in group {
            done[node] = true;
        }
    }
    found
}

/// What `start` leads to in one step or more.
fn reached(edges: &[Vec<usize>], start: usize) -> Vec<bool> {
    let mut reached = vec![false; edges.len()];
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for &next in &edges[node] {
            if !reached[next] {
                reached[next] = true;
                open.push(next);
            }
        }
    }
    reached
}

/// A shortest circle through `start`.
fn circle_at(edges: &[Vec<usize>], start: usize) -> Option<Vec<usize>> {
    let mut from = vec![None; edges.len()];
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for &next in &edges[node] {
            if next == start {
                let mut circle = vec![node];
                while let Some(before) = from[circle[circle.len() - 1]] {
                    circle.push(before);
                }
                circle.reverse();
                return Some(circle);
            }
            if from[next].is_none() {
                from[next] = Some(node);
                open.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_circle_for_each_group() {
        let edges = [vec![1], vec![2, 0], vec![0], vec![4, 0], vec![3], vec![]];
        assert_eq!(circles(&edges), [vec![0, 1], vec![3, 4]]);
        assert!(circles(&[vec![1, 2], vec![2], vec![]]).is_empty());
    }
}
